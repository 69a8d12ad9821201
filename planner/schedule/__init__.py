"""Order, packing and the dynamic decision. Pure: no clock, no file system, no subprocess."""
