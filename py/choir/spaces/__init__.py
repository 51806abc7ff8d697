"""Resonance spaces: shared numeric state that many clients sync.

`choir.spaces.engine` computes (pure), `choir.spaces.models` names what travels,
`choir.spaces.client` talks to a server: ``from choir.spaces.client import ResonanceClient``.
"""
