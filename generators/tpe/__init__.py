"""The tpe generator: tensor engines that work on the digits of one operand."""
