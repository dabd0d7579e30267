"""Programs: typed answers, question families, the API that programs call, geometry, sandbox, verification."""
