// Package guest stands between the contract's strings and a workload's values. Not for workloads.
package guest

import (
	"encoding/json"
	"errors"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"app/stresshost"
	"app/stresshost/bindings/stresshost_workload_failures"
	contract "app/stresshost/bindings/stresshost_workload_guest"
)

type (
	text    = witTypes.Result[string, contract.Failure]
	nothing = witTypes.Result[witTypes.Unit, contract.Failure]
)

var user stresshost.Workload

func write(document any) string {
	bytes, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

func with(schema string, documents ...map[string]any) string {
	all := map[string]any{}
	for _, document := range documents {
		for name, value := range document {
			all[name] = value
		}
	}
	all["schema"] = schema
	return write(all)
}

// kept is a copy of a text that the host handed over: its memory is used again.
func kept(value string) string { return strings.Clone(value) }

func failure(err error) contract.Failure {
	var known stresshost.Failure
	if errors.As(err, &known) {
		return contract.Failure{Code: known.Code, Message: known.Message}
	}
	return contract.Failure{Code: "failed", Message: err.Error()}
}

func done(err error) nothing {
	if err != nil {
		return witTypes.Err[witTypes.Unit, contract.Failure](failure(err))
	}
	return witTypes.Ok[witTypes.Unit, contract.Failure](witTypes.Unit{})
}

// Describe is the descriptor.
func Describe() string {
	exported := stresshost.Current()
	own := map[string]any{"name": exported.Name, "version": exported.Version, "summary": exported.Summary}
	if describer, ok := exported.Make().(stresshost.Describer); ok {
		return with("stresshost.descriptor/1", own, describer.Describe())
	}
	url := map[string]any{"name": "URL", "help": "Base URL of the target", "required": true, "target": true}
	fields := map[string]any{"positionals": []any{url}, "flags": stresshost.LoadFlags()}
	return with("stresshost.descriptor/1", own, fields)
}

// Plan is the plan, or the problems.
func Plan(given string) witTypes.Result[string, string] {
	var input stresshost.PlanInput
	refuse := func(problems any) witTypes.Result[string, string] {
		return witTypes.Err[string, string](write(problems))
	}
	if err := json.Unmarshal([]byte(given), &input); err != nil {
		return refuse([]stresshost.Problem{{Message: err.Error()}})
	}
	exported := stresshost.Current()
	var plan map[string]any
	var err error
	if planner, ok := exported.Make().(stresshost.Planner); ok {
		plan, err = planner.Plan(input)
	} else {
		plan, err = stresshost.Plan(exported.Name, input, map[string]any{"url": strings.TrimRight(input.Args[0], "/")})
	}
	var problems stresshost.Problems
	switch {
	case errors.As(err, &problems):
		return refuse(problems)
	case err != nil:
		return refuse([]stresshost.Problem{{Message: err.Error()}})
	}
	return witTypes.Ok[string, string](with("stresshost.plan/1", plan))
}

// Setup runs once before the load.
func Setup(given string) text {
	var context stresshost.SetupContext
	if err := json.Unmarshal([]byte(given), &context); err != nil {
		return witTypes.Err[string, contract.Failure](failure(err))
	}
	var shared any = context.Workload
	if setupper, ok := stresshost.Current().Make().(stresshost.Setupper); ok {
		made, err := setupper.Setup(context)
		if err != nil {
			return witTypes.Err[string, contract.Failure](failure(err))
		}
		shared = made
	}
	return witTypes.Ok[string, contract.Failure](write(shared))
}

// SetupPhase hands on what Setup returned.
func SetupPhase(given string) text {
	var context struct {
		Shared string `json:"shared"`
	}
	if err := json.Unmarshal([]byte(given), &context); err != nil {
		return witTypes.Err[string, contract.Failure](failure(err))
	}
	return witTypes.Ok[string, contract.Failure](context.Shared)
}

// Start makes the instance's virtual user.
func Start(vu contract.VuInfo, shared string) nothing {
	user = stresshost.Current().Make()
	return done(user.Start(stresshost.VuInfo{ID: vu.Id, Count: vu.Count}, stresshost.Shared(kept(shared))))
}

// Iterate does one iteration.
func Iterate(it contract.Iteration) witTypes.Result[witTypes.Unit, witTypes.Unit] {
	if err := user.Iterate(stresshost.Iteration{Scenario: it.Scenario, Number: it.Number}); err != nil {
		told := failure(err)
		stresshost_workload_failures.Tell(told.Code, told.Message)
		return witTypes.Err[witTypes.Unit, witTypes.Unit](witTypes.Unit{})
	}
	return witTypes.Ok[witTypes.Unit, witTypes.Unit](witTypes.Unit{})
}

// Finish ends the instance's virtual user.
func Finish() {
	if finisher, ok := user.(stresshost.Finisher); ok {
		finisher.Finish()
	}
}

// TeardownPhase has nothing to do.
func TeardownPhase(string) nothing { return done(nil) }

// Teardown runs once after the load.
func Teardown(shared string) nothing {
	if tearer, ok := stresshost.Current().Make().(stresshost.Tearer); ok {
		return done(tearer.Teardown(stresshost.Shared(kept(shared))))
	}
	return done(nil)
}

// Analyze is the analysis.
func Analyze(summary string) string {
	if analyzer, ok := stresshost.Current().Make().(stresshost.Analyzer); ok {
		return with("stresshost.analysis/1", analyzer.Analyze(json.RawMessage(kept(summary))))
	}
	return with("stresshost.analysis/1")
}
