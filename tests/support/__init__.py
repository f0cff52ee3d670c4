"""Real servers and scripted peers that tests of several rooms share."""
