package stresshost

import (
	"encoding/json"
	"fmt"
	"time"

	artifactsHost "app/stresshost/bindings/stresshost_workload_artifacts"
	checksHost "app/stresshost/bindings/stresshost_workload_checks"
	dataHost "app/stresshost/bindings/stresshost_workload_data"
	findingsHost "app/stresshost/bindings/stresshost_workload_findings"
	logHost "app/stresshost/bindings/stresshost_workload_log"
	metricsHost "app/stresshost/bindings/stresshost_workload_metrics"
	pacingHost "app/stresshost/bindings/stresshost_workload_pacing"
	randomHost "app/stresshost/bindings/stresshost_workload_random"
)

// Check is a yes-or-no statement about what the target did.
type Check uint32

// RegisterCheck registers a check, or finds it.
func RegisterCheck(name string) (Check, error) {
	result := checksHost.Register(name)
	if err := refused("check", name, result); err != nil {
		return 0, err
	}
	return Check(result.Ok()), nil
}

// Mark counts one outcome and returns it.
func (check Check) Mark(passed bool) bool {
	checksHost.Mark(uint32(check), passed)
	return passed
}

// Metric is a metric of the workload's own.
type Metric uint32

// RegisterMetric registers a metric, or finds it. Kinds: counter, gauge, rate, distribution.
func RegisterMetric(name, kind, unit string) (Metric, error) {
	result := metricsHost.Register(name, kind, unit)
	if err := refused("metric", name, result); err != nil {
		return 0, err
	}
	return Metric(result.Ok()), nil
}

// Add records a value: an increment of a counter, the value of a gauge, 0 or not 0 of a rate, a value of a
// distribution.
func (metric Metric) Add(value float64) { metricsHost.Add(uint32(metric), value) }

// Finding is something that stands out about the target. Severity is info, low, medium, high or critical.
type Finding struct {
	Rule       string `json:"rule"`
	Severity   string `json:"severity"`
	Message    string `json:"message"`
	Location   string `json:"location,omitempty"`
	Evidence   string `json:"evidence,omitempty"`
	Confidence string `json:"confidence,omitempty"`
	Remedy     string `json:"remedy,omitempty"`
}

// Report reports a finding; the same rule, location and message again is counted.
func (finding Finding) Report() error {
	text, err := json.Marshal(finding)
	if err != nil {
		return err
	}
	return refused("finding", finding.Rule, findingsHost.Report(string(text)))
}

// Feed is an open feed of the plan.
type Feed uint32

// OpenFeed opens a feed of the plan.
func OpenFeed(name string) (Feed, error) {
	result := dataHost.Open(name)
	if err := refused("feed", name, result); err != nil {
		return 0, err
	}
	return Feed(result.Ok()), nil
}

// Columns are the names of the feed's columns.
func (feed Feed) Columns() []string { return dataHost.Columns(uint32(feed)) }

// Next is the next row for this virtual user, in the feed's order; nil when the feed is used up.
func (feed Feed) Next() []string { return dataHost.Next(uint32(feed)).SomeOr(nil) }

// Random is a uniform 64-bit number of this virtual user's own stream, which the run's seed reproduces.
func Random() uint64 { return randomHost.Next() }

// Below is a uniform number from 0 up to but not including bound.
func Below(bound uint64) uint64 { return randomHost.Below(bound) }

// Sleep waits. The next request is intended for the end of the wait, so that lateness shows as lag.
func Sleep(duration time.Duration) { pacingHost.SleepUs(uint64(max(duration.Microseconds(), 0))) }

// Log writes a message for the person who runs the test. Levels: error, warn, info, debug.
func Log(level, format string, values ...any) { logHost.Write(level, fmt.Sprintf(format, values...)) }

// WriteArtifact writes a file into the run directory. The descriptor asks for it: "asks": {"artifacts": true}.
func WriteArtifact(name string, content []byte) error {
	return refused("artifact", name, artifactsHost.Write(name, content))
}
