// Package stresshost writes StressHost workloads in Go.
//
// A workload is a type: its value is one virtual user, its fields are that user's state. Export it from an init
// function of the program:
//
//	func init() { stresshost.Export("hello", "0.1.0", "Loads one URL", func() stresshost.Workload { return &Plugin{} }) }
//
// What is not here, such as sql, redis and tcp, is called through the packages in bindings.
package stresshost

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Shared is what Setup returned, as JSON; by default {"url": URL}.
type Shared = json.RawMessage

// VuInfo says which virtual user an instance is.
type VuInfo struct {
	// ID is 0 and up, unique within the phase, over all cores and machines.
	ID uint64
	// Count is the number of virtual users of the phase.
	Count uint64
}

// Iteration is one iteration to do.
type Iteration struct {
	// Scenario is the index of the scenario in the plan.
	Scenario uint32
	// Number of the iteration within the scenario: 0 and up, each given to one virtual user.
	Number uint64
}

// Failure says why an iteration or a set-up did not reach its aim. It is counted and reported; it is no fault of the
// plugin. Any other error is reported with the code "failed".
type Failure struct {
	// Code is short and stable, for grouping: "check", "extract", "expectation" or a word of your own.
	Code string
	// Message is one sentence for people.
	Message string
}

func (failure Failure) Error() string { return failure.Message }

// Fail makes a Failure.
func Fail(code, format string, values ...any) error {
	return Failure{code, fmt.Sprintf(format, values...)}
}

// Workload is what must be written. Further methods are used where a workload has them: see Describer, Planner,
// Setupper, Finisher, Tearer and Analyzer.
type Workload interface {
	// Start begins a virtual user: the place to prepare requests and register checks and metrics.
	Start(vu VuInfo, shared Shared) error
	// Iterate does one iteration: the hot call.
	Iterate(iteration Iteration) error
}

// Describer returns fields of the descriptor besides name, version and summary.
type Describer interface{ Describe() map[string]any }

// Planner makes the plan (schema stresshost.plan/1). Its error may be Problems.
type Planner interface {
	Plan(input PlanInput) (map[string]any, error)
}

// Setupper runs once before the load; what it returns goes to every virtual user as JSON.
type Setupper interface {
	Setup(context SetupContext) (any, error)
}

// Finisher runs after a virtual user's last iteration.
type Finisher interface{ Finish() }

// Tearer runs once after the load.
type Tearer interface{ Teardown(shared Shared) error }

// Analyzer reads the summary (schema stresshost.summary/1) and returns fields of an analysis.
type Analyzer interface {
	Analyze(summary json.RawMessage) map[string]any
}

// PlanInput is what the user gave (schema stresshost.plan-input/1).
type PlanInput struct {
	Args   []string        `json:"args"`
	Flags  map[string]any  `json:"flags"`
	Config json.RawMessage `json:"config"`
}

// SetupContext is what a set-up knows of the run.
type SetupContext struct {
	RunID    string          `json:"run_id"`
	Seed     uint64          `json:"seed"`
	Workload json.RawMessage `json:"workload"`
}

// Problem is something wrong with the user's input.
type Problem struct {
	// Path is a flag ("--vus"), an argument's name, or a JSON pointer into the config.
	Path    string `json:"path"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Problems are all problems of the input at once.
type Problems []Problem

func (problems Problems) Error() string {
	messages := make([]string, 0, len(problems))
	for _, problem := range problems {
		messages = append(messages, problem.Path+": "+problem.Message)
	}
	return strings.Join(messages, ", ")
}

// Exported is the workload of this program.
type Exported struct {
	Name    string
	Version string
	Summary string
	Make    func() Workload
}

var exported Exported

// Export names the workload of this program. name is lower-case letters, digits and hyphens; version is a semantic
// version, under which it is published; summary is one line for listings and --help; make makes a virtual user.
func Export(name, version, summary string, make func() Workload) {
	exported = Exported{name, version, summary, make}
}

// Current is the exported workload; for the guest package.
func Current() Exported { return exported }
