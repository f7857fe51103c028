//! PURE: who feeds whom: upstream, downstream, cycles, impact.
