"""Resonance spaces: REST, socket and telemetry around `choir.spaces.engine`.

`hub.SpaceHub` holds what is live in this process and commits deltas; `service` does the rest
of REST; `socket.SpaceEndpoint` serves ``/spaces/{id}`` on the realtime server; `endpoints.router`
serves ``/v1/spaces``. PostgreSQL orders: any process may take any space.
"""
