// The page's charts: Apache ECharts, only the parts in use, behind four functions. Options come as JSON, so
// what JSON cannot say (functions) is named there and put in here: `"tip"` for tooltips, `"band"` for areas
// between two curves, `"whisker"` for spreads. bundle.mjs makes one file of it.
import * as echarts from "echarts/core";
import { CustomChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  ToolboxComponent,
  TooltipComponent,
} from "echarts/components";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

echarts.use([
  CustomChart, LineChart, ScatterChart,
  AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent,
  ToolboxComponent, TooltipComponent,
  CanvasRenderer, SVGRenderer,
]);

// A tooltip is the lines of the hovered item, or of its series (`tip`) and then the item's numbers in the series' own
// words (`says`, with {0} and {1}). As text: a name with markup in it stays a name.
function tip({ data, value }, series) {
  const number = (of) => (Number.isInteger(of) ? of : of >= 100 ? Math.round(of) : of.toFixed(3));
  const said = (line) => line.replace(/\{([01])\}/g, (_, index) => number(value[index]));
  const lines = data?.tip ?? [...(series?.tip ?? []), ...(series?.says ?? []).map(said)];
  if (lines.length === 0) return "";
  const box = document.createElement("div");
  lines.forEach((line, i) => {
    const row = document.createElement(i === 0 ? "strong" : "div");
    row.textContent = line;
    box.append(row);
  });
  return box;
}

// One polygon between a lower and an upper curve. Rows are [x, lower, upper].
function band(rows) {
  return (params, api) => {
    if (params.dataIndex > 0) return null;
    const upper = rows.map(([x, , high]) => api.coord([x, high]));
    const lower = rows.map(([x, low]) => api.coord([x, low]));
    return { type: "polygon", shape: { points: upper.concat(lower.reverse()) }, style: { fill: api.visual("color"), opacity: 0.16 }, silent: true };
  };
}

// A vertical bar from the lowest to the highest of several runs. Rows are [x, low, high].
function whisker(params, api) {
  const [x, low] = api.coord([api.value(0), api.value(1)]);
  const [, high] = api.coord([api.value(0), api.value(2)]);
  const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: api.visual("color"), lineWidth: 1.4, opacity: 0.7 } });
  return { type: "group", silent: true, children: [line(x, low, x, high), line(x - 4, low, x + 4, low), line(x - 4, high, x + 4, high)] };
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (Number.isInteger(value) && size < 1e5) return `${value}`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (size < 1e-3) return value.toExponential(1);
  return `${+value.toPrecision(3)}`;
}

function withFunctions(option) {
  if (option.tooltip) option.tooltip.formatter = (params) => tip(params, option.series[params.seriesIndex]);
  for (const axis of [option.xAxis, option.yAxis].flat()) {
    if (axis) axis.axisLabel = { ...axis.axisLabel, formatter: short };
  }
  for (const series of option.series || []) {
    if (series.renderItem === "band") series.renderItem = band(series.data);
    if (series.renderItem === "whisker") series.renderItem = whisker;
  }
  return option;
}

// A line without symbols has no items to hover: its point nearest to the pointer speaks for it.
function followLines(chart) {
  let shown;
  const leave = () => {
    if (shown) chart.dispatchAction({ type: "downplay", ...shown });
    shown = undefined;
  };
  chart.on("mousemove", "series.line", ({ seriesIndex, dataIndex, event }) => {
    if (dataIndex != null) return;
    const [x] = chart.convertFromPixel({ seriesIndex }, [event.offsetX, event.offsetY]);
    const far = ([at]) => Math.abs(at - x);
    const { data } = chart.__series[seriesIndex];
    const nearest = data.reduce((best, point, index) => (far(point) < far(data[best]) ? index : best), 0);
    leave();
    shown = { seriesIndex, dataIndex: nearest };
    chart.dispatchAction({ type: "highlight", ...shown });
    chart.dispatchAction({ type: "showTip", ...shown });
  });
  chart.on("mouseout", "series.line", leave);
}

const charts = new WeakMap();

function chartOf(element) {
  let chart = charts.get(element);
  if (!chart) {
    chart = echarts.init(element, null, { renderer: "canvas" });
    const resizes = new ResizeObserver(() => chart.resize());
    resizes.observe(element);
    charts.set(element, chart);
    chart.__resizes = resizes;
    followLines(chart);
  }
  return chart;
}

// What waits to be drawn, the newest of each element: one after each frame, which paints the one before. More in one
// task hold the page up for too long.
const waiting = new Map();
const afterFrame = (call) => requestAnimationFrame(() => setTimeout(call));

function drawNext() {
  const [next] = waiting;
  if (!next) return;
  const [element, json] = next;
  waiting.delete(element);
  const option = JSON.parse(json);
  if (option) {
    const chart = chartOf(element);
    chart.__series = option.series;
    chart.setOption(withFunctions(option), { replaceMerge: ["series"] });
  }
  if (waiting.size > 0) afterFrame(drawNext);
}

window.TunelabCharts = {
  // Shows `json` (an ECharts option) in `element`, keeping zoom where it was.
  draw(element, json) {
    if (waiting.size === 0) afterFrame(drawNext);
    waiting.set(element, json);
  },
  // Calls `callback` with the `id` of a clicked item that has one.
  onPick(element, callback) {
    chartOf(element).on("click", (event) => {
      if (event.data && event.data.id) callback(event.data.id);
    });
  },
  resetZoom(element) {
    chartOf(element).dispatchAction({ type: "dataZoom", batch: [{ dataZoomIndex: 0, start: 0, end: 100 }, { dataZoomIndex: 1, start: 0, end: 100 }] });
  },
  // A data URL of what is shown. `kind` is "png" or "svg".
  image(element, kind, background) {
    const chart = chartOf(element);
    if (kind === "png") return chart.getDataURL({ type: "png", pixelRatio: 3, backgroundColor: background });
    const paper = echarts.init(null, null, { renderer: "svg", ssr: true, width: chart.getWidth(), height: chart.getHeight() });
    paper.setOption({ ...chart.getOption(), animation: false, toolbox: undefined, backgroundColor: background });
    const svg = paper.renderToSVGString();
    paper.dispose();
    return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  },
  dispose(element) {
    waiting.delete(element);
    const chart = charts.get(element);
    if (!chart) return;
    chart.__resizes.disconnect();
    chart.dispose();
    charts.delete(element);
  },
};
