"""What is done with a build folder: simulate, lint, synthesise. Reads artefacts, no components."""
