// SPDX-License-Identifier: GPL-2.0-or-later
// Draws the charts in the colours of the page, light or dark, and on paper.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const PALETTE = ["#3b6fd4", "#d9822b", "#2f9e6b", "#b04ec2", "#c43d4b", "#7a7f1f", "#2aa3b5", "#8a6d5a"];
  const ROLES = { solid: "#3b6fd4", resident: "#3b6fd4", spent: "#d9822b", lzo: "#1f8a5b", same: "#57b98a",
    discarded: "#a5d6bd", ballooned: "#9aa3ad" };
  // A line for each series, below the chart, where one row above it has no room for them.
  const below = (chart) => chart.data.length > 1 && (window.innerWidth < 600 || chart.data.length > 4);

  function layout(chart, inDark) {
    const text = inDark ? "#d7dde5" : "#26313d";
    const grid = inDark ? "#3a4552" : "#e3e7ec";
    const lowest = Math.min(...chart.data.flatMap((trace) => trace.y)) * 1.1;
    const axis = (own, mode) => ({
      title: { text: own.title, standoff: 8 },
      type: own.type || "linear",
      // Shares on a log axis go down to one in a million, a decade a line.
      tickformat: own.percent ? (own.type === "log" ? "~%" : ".0%") : undefined,
      dtick: own.percent && own.type === "log" ? 1 : undefined,
      range: own.most ? [Math.min(0, lowest), own.most] : undefined,
      rangemode: mode,
      gridcolor: grid,
      linecolor: grid,
      zerolinecolor: grid,
      automargin: true,
    });
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: text, family: "system-ui, sans-serif", size: 12 },
      colorway: PALETTE,
      margin: { l: 52, r: 12, t: 8, b: below(chart) ? 64 + 20 * chart.data.length : 44 },
      xaxis: axis(chart.x, "normal"),
      yaxis: axis(chart.y, "tozero"),
      showlegend: chart.data.length > 1,
      legend: below(chart)
        ? { orientation: "v", x: 0, yref: "container", y: 0, yanchor: "bottom", maxheight: 1 }
        : { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
      hovermode: "closest",
    };
  }

  function draw(inDark) {
    for (const [key, chart] of Object.entries(charts)) {
      for (const trace of chart.data) {
        trace.whole = trace.whole || trace.name;
        const most = Math.floor((window.innerWidth - 110) / 6.5);
        trace.name = trace.whole.length > most ? `${trace.whole.slice(0, most - 1)}…` : trace.whole;
        const colour = ROLES[trace.meta];
        if (!colour) continue;
        if (trace.type === "bar") {
          trace.marker = { color: colour };
          // An ablation in two lines, or its name takes more room than its bar.
          trace.x = trace.x.map((name) => name.replace(/:(?!<br>)/, ":<br>"));
        } else Object.assign(trace, { line: { color: colour, width: 1 }, fillcolor: colour + "b0" });
      }
      const place = document.getElementById(key);
      place.style.height = `${below(chart) ? 320 + 20 * chart.data.length : 320}px`;
      const options = { responsive: true, displayModeBar: false };
      Plotly.react(place, chart.data, layout(chart, inDark), options);
    }
  }

  draw(dark.matches);
  dark.addEventListener("change", () => draw(dark.matches));
  // Paper is white, and narrower than most screens.
  window.addEventListener("beforeprint", () => {
    draw(false);
    document.querySelectorAll("details").forEach((one) => (one.open = one.open || one.dataset.print === "yes"));
  });
  window.addEventListener("afterprint", () => draw(dark.matches));
})();
