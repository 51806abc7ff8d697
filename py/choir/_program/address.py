"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from typing import Final

PROGRAM_ADDRESS: Final = "ChonT23wyjxh3cgPfBfpgt4doviH78vJRCcUasYuaZdz"
