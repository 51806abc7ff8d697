"""Accounts and events of other programs, mirrored by their IDLs beside Choir's own.

Everything that makes a mirror honest is Choir's own (`choir_indexer.mirror`); here is what differs:
which programs, how they are decoded, where their rows go, and that none of them can stop Choir's.
"""

from choir_indexer.programs.config import ProgramConfig, ProgramsError, load_programs

__all__ = ["ProgramConfig", "ProgramsError", "load_programs"]
