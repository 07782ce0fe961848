"""Networks from elsewhere: modules of PyTorch Geometric and DGL, and descriptions in YAML."""
