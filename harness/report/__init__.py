# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run leaves behind, and how it is shown.

``runfolder`` writes it, ``run`` reads it; ``sight`` holds everybody's view of memory against the
others', ``books`` turns the controller's numbers into memory gained; ``figures`` holds the results
against the bars, ``page`` makes report.html, ``explain`` says why a run failed, ``compare`` holds
runs against each other; ``table`` shows guests, ``cli`` is what the verbs call.
"""
