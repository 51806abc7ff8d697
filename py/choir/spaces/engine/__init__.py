"""The space engine: exact phases, merging, telemetry and evolution. Pure: no input or output.

- `turns`: phases as unsigned 64-bit turns, to and from radians;
- `seeding`: the basis and the first phases;
- `state`: states, operations, snapshots;
- `merge`: which proposals may be merged, and conflicts;
- `measures`: telemetry (NumPy);
- `dynamics`: Kuramoto evolution (NumPy).

Only the last two need NumPy; a replica does without.
"""
