"""Load on `relook serve`: many clients, some of them hostile, each answer checked."""
