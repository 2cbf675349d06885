//! Black-box tests: the real binary against real peers and a real browser. See `tests/it`.
