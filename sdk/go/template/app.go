// Loads one URL.
package main

import (
	"encoding/json"

	"app/stresshost"
)

// Plugin is one virtual user.
type Plugin struct {
	request  stresshost.Prepared
	answered stresshost.Check
}

func (plugin *Plugin) Start(_ stresshost.VuInfo, shared stresshost.Shared) (err error) {
	var target struct{ URL string }
	if err = json.Unmarshal(shared, &target); err != nil {
		return err
	}
	if plugin.request, err = (stresshost.Request{Name: "GET", URL: target.URL}).Prepare(); err != nil {
		return err
	}
	plugin.answered, err = stresshost.RegisterCheck("the target answered")
	return err
}

func (plugin *Plugin) Iterate(stresshost.Iteration) error {
	response := plugin.request.Fire()
	plugin.answered.Mark(response.OK())
	return nil
}

func init() {
	stresshost.Export("__NAME__", "0.1.0", "Loads one URL", func() stresshost.Workload { return &Plugin{} })
}
