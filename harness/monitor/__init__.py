# SPDX-License-Identifier: GPL-2.0-or-later
"""A running testbed, watched.

``observe``   everybody's view of memory, at once
``snapshot``  that with the controller's histograms, and what happened between two
``top``       on a terminal
``exporter``  for Prometheus
"""
