# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run leaves behind, and how it is shown.

``runfolder`` writes it, ``run`` reads it, ``page`` makes report.html of it, ``explain`` says why it
failed; ``sight`` holds everybody's view of memory against the others'; ``books`` turns the controller's numbers into memory gained, ``table``
shows guests, ``figures`` holds the results against the bars, ``cli`` is what the verbs call.
"""
