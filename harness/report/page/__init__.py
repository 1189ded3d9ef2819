# SPDX-License-Identifier: GPL-2.0-or-later
"""report.html: one page that opens offline.

``facts``   sentences and tables out of runs: headline, bars, Table 1, techniques, notes
``charts``  plotly figures, as plain documents
``render``  both put into ``report.html.j2``, with plotly's JavaScript in it
"""
