package stresshost

const (
	defaultVus            = 10.0
	defaultDurationMs     = 30_000.0
	defaultMaxDurationMs  = 600_000.0
	defaultGracefulStopMs = 30_000.0
)

func flag(name, kind, valueName, help string) map[string]any {
	return map[string]any{"name": name, "kind": kind, "value_name": valueName, "help": help}
}

// LoadFlags are the flags for the shape of a load, for "flags" of a descriptor.
func LoadFlags() []map[string]any {
	return []map[string]any{
		flag("vus", "users", "N|auto", "Virtual users; with --rate, the most iterations in flight [default: 10]"),
		flag("rate", "rate", "RATE", "Iterations per second, whatever the target does"),
		flag("duration", "duration", "DURATION", "Length of the load, ramp included [default: 30s]"),
		flag("ramp-up", "duration", "DURATION", "Let users or rate grow over this time"),
		flag("iterations", "integer", "N", "Do this many iterations, shared by the users"),
		flag("per-user", "switch", "", "Let each user do the number of --iterations"),
		flag("max-duration", "duration", "DURATION", "Drop what is left of --iterations after this time [default: 10m]"),
		flag("warmup", "duration", "DURATION", "Report this much of the start apart and judge without it"),
		flag("graceful-stop", "duration", "DURATION", "How long iterations in flight may go on at the end [default: 30s]"),
	}
}

func number(flags map[string]any, name string, otherwise float64) float64 {
	if value, ok := flags[name].(float64); ok {
		return value
	}
	return otherwise
}

// Scenario is a scenario of a plan with the load that the flags say. Its error is Problems for flags that cannot be
// together.
func Scenario(name string, input PlanInput) (map[string]any, error) {
	flags := input.Flags
	if problems := contradictions(flags); len(problems) > 0 {
		return nil, problems
	}
	executor := map[string]any{"vus": number(flags, "vus", defaultVus)}
	if iterations, ok := flags["iterations"]; ok {
		executor["type"] = "shared-iterations"
		if flags["per-user"] == true {
			executor["type"] = "per-vu-iterations"
		}
		executor["iterations"] = iterations
		executor["max_duration_ms"] = number(flags, "max-duration", defaultMaxDurationMs)
	} else {
		executor["type"] = "constant-vus"
		if rate, ok := flags["rate"]; ok {
			executor["type"], executor["rate_per_s"] = "constant-arrival-rate", rate
		}
		executor["duration_ms"] = number(flags, "duration", defaultDurationMs)
		executor["ramp_up_ms"] = number(flags, "ramp-up", 0)
	}
	return map[string]any{"name": name, "executor": executor}, nil
}

// Plan is a plan of one scenario, "main". workload is what the set-up is handed.
func Plan(name string, input PlanInput, workload any) (map[string]any, error) {
	scenario, err := Scenario("main", input)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"name":             name,
		"scenarios":        []any{scenario},
		"workload":         workload,
		"warmup_ms":        number(input.Flags, "warmup", 0),
		"graceful_stop_ms": number(input.Flags, "graceful-stop", defaultGracefulStopMs),
	}, nil
}

func contradictions(flags map[string]any) Problems {
	var problems Problems
	_, counted := flags["iterations"]
	for _, name := range []string{"rate", "duration", "ramp-up", "per-user", "max-duration"} {
		_, given := flags[name]
		needs := name == "per-user" || name == "max-duration"
		switch {
		case given && counted && !needs:
			problems = append(problems, Problem{Path: "--" + name, Message: "cannot be given with --iterations"})
		case given && !counted && needs:
			problems = append(problems, Problem{Path: "--" + name, Message: "is about --iterations, which are not given"})
		}
	}
	return problems
}
