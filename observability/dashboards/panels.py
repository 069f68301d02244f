"""What every dashboard is made of: panels of one size, titles in English and Korean."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

Dashboard = dashboard.Dashboard
# Chosen on the page; a site has one Prometheus, whatever it is called there.
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GRID = 24  # columns
WIDTH, HEIGHT = 8, 7


@dataclass(frozen=True)
class Query:
    """An expression and how its series are called; `{{label}}` stands for a label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Graph:
    """A panel over time. `limit`: above it the panel is red."""

    en: str
    ko: str
    unit: str
    queries: Sequence[Query]
    limit: float | None = None

    def build(self, width: int) -> timeseries.Panel:
        title = _both(self.en, self.ko)
        panel = timeseries.Panel().title(title).unit(self.unit).datasource(SOURCE)
        panel = panel.height(HEIGHT).span(width).min(0).fill_opacity(8)
        panel = panel.legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        if self.limit is not None:
            panel = panel.thresholds(_limit(self.limit)).thresholds_style(
                common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
            )
        for letter, query in zip("ABCDEFGH", self.queries, strict=False):
            panel = panel.with_target(_target(query, letter))
        return panel


@dataclass(frozen=True)
class Figure:
    """A panel of one number now, red above `limit`."""

    en: str
    ko: str
    unit: str
    query: Query
    limit: float | None = None

    def build(self, width: int) -> stat.Panel:
        title = _both(self.en, self.ko)
        panel = stat.Panel().title(title).unit(self.unit).datasource(SOURCE)
        panel = panel.height(4).span(width)
        if self.limit is not None:
            panel = panel.thresholds(_limit(self.limit))
        return panel.with_target(_target(self.query, "A").instant())


Panel = Graph | Figure


def page(
    name: str, en: str, ko: str, panels: Sequence[Panel], *, by_performance: bool = False
) -> Dashboard:
    """Return a dashboard: its figures in one row, then its graphs, three in a row.

    `by_performance` gives it the choice `$performance`.
    """
    made = (
        dashboard.Dashboard(_both(en, ko))
        .uid(name)
        .tags(["frontrow"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("Frontrow")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["frontrow"])
            .as_dropdown(as_dropdown=True)
            .keep_time(keep_time=True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    )
    if by_performance:
        made = made.with_variable(
            dashboard.QueryVariable("performance")
            .label("Performance · 공연")
            .query("label_values(frontrow_queue_waiting, performance)")
            .datasource(SOURCE)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .include_all(include_all=True)
            .all_format(".*")
        )
    figures = sum(isinstance(panel, Figure) for panel in panels)
    for panel in panels:
        width = GRID // figures if isinstance(panel, Figure) else WIDTH
        made = made.with_panel(panel.build(width))
    return made


def _both(en: str, ko: str) -> str:
    return en if en == ko else f"{en} · {ko}"


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expression).ref_id(letter).datasource(SOURCE)
    return made.legend_format(query.legend) if query.legend else made


def _limit(value: float) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green"), Threshold(value=value, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
