"""The closed loop: propose, execute, verify, solve, adapt."""
