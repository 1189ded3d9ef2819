# SPDX-License-Identifier: GPL-2.0-or-later
"""Many runs of scenarios over many settings, here or on a cluster.

``matrix``   a TOML file, and the jobs that it stands for
``execute``  one job, on whatever machine
``results``  run folders by what they were made of
``runner``   all jobs, as many at a time as there is room for
"""
