"""What `scripts/generate-python` makes of the program's IDL. Do not edit; import the public
modules instead: `choir.accounts`, `choir.events`, `choir.instructions`, `choir.program_errors`."""
