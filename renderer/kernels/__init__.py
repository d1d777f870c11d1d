"""The hot loops, written in C and compiled when the package is built: what `kernels.h` declares, as typed functions."""
