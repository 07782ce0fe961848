"""Golden models of message-passing networks: float64 layers and bit-exact int8 ones."""
