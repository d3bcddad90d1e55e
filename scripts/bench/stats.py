"""stats.py - benchmark sections of tests and correlations."""
from measure import Peer, Pipeline, install, results

# gn's figures as the peers show theirs: nine digits.
DIGITS = r"""awk -F, -v OFS=, -v from=%d 'NR > 1 { for (i = from; i <= NF; i++) $i = sprintf("%%.8e", $i) } 1'"""


def peers(source, job, engines):
    return [Peer(engine, source, job) for engine in engines if install(engine)]


def anova(data):
    """By action type, which the events have themselves: what a join costs is measured elsewhere."""
    source = data.csv()

    def gn(name, options=""):
        out = results("anova-" + "-".join(name.split()))
        made = out + ".gn"
        return Pipeline(
            name, "gn-fromcsv -f user_id,action_type,duration_ms %s | gn-anova -g action_type %s >%s"
            % (source, options, made), out,
            check="gn-tocsv -f unit,groups,n,f_statistic,eta_squared,kruskal_h %s | %s >%s/anova.csv"
            % (made, DIGITS % 4, out))

    return data.report("CSV to analysis of variance and Kruskal-Wallis, of events and users' means",
                       [gn("gn"), gn("gn, -m 64M", "-m 64M")] + peers(source, "anova", ("duckdb",)))


def corr(data):
    source = data.csv()

    def gn(name, options=""):
        out = results("corr-" + "-".join(name.split()))
        made = out + ".gn"
        return Pipeline(
            name, "gn-fromcsv -f user_id,timestamp,duration_ms %s | gn-agg %s -k user_id -a "
            "'duration = sum(duration_ms), interactions = count(), "
            "days_active = distinct(date(timestamp))' | "
            "gn-corr %s days_active,duration,interactions >%s" % (source, options, options, made), out,
            check="gn-tocsv -f metric_a,metric_b,n,pearson,spearman %s | %s >%s/corr.csv" % (
                made, DIGITS % 4, out))

    return data.report("CSV to correlations of users' metrics, Pearson's and Spearman's",
                       [gn("gn"), gn("gn, -m 64M", "-m 64M")]
                       + peers(source, "corr", ("duckdb", "chdb")))


SECTIONS = {
    "anova": (anova, "analysis of variance and ranks of a value by group: DuckDB"),
    "corr": (corr, "correlations of users' metrics: DuckDB, chDB"),
}
