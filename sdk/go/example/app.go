// Looks at the shop's products, opens one of them and checks it.
package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"app/stresshost"
)

// Shopper is one virtual user.
type Shopper struct {
	list, detail, login stresshost.Prepared
	named               stresshost.Check
	prices              stresshost.Metric
}

func (shopper *Shopper) Start(_ stresshost.VuInfo, shared stresshost.Shared) (err error) {
	var target struct{ URL string }
	if err = json.Unmarshal(shared, &target); err != nil {
		return err
	}
	requests := []stresshost.Request{
		{Name: "GET /products", URL: target.URL + "/products?per_page=20"},
		{Name: "GET /products/{id}", URL: target.URL + "/products/{{id}}", Slots: []string{"id"}},
		{
			Name: "POST /auth/token", Method: "POST", URL: target.URL + "/auth/token",
			JSON:    map[string]string{"username": "nobody", "password": "wrong"},
			Options: map[string]string{"expect-status": "401"},
		},
	}
	for index, prepared := range []*stresshost.Prepared{&shopper.list, &shopper.detail, &shopper.login} {
		if *prepared, err = requests[index].Prepare(); err != nil {
			return err
		}
	}
	if shopper.named, err = stresshost.RegisterCheck("the product has a name"); err != nil {
		return err
	}
	shopper.prices, err = stresshost.RegisterMetric("price", "distribution", "cents")
	return err
}

func (shopper *Shopper) Iterate(stresshost.Iteration) error {
	products := shopper.list.Fire()
	if !products.OK() {
		return stresshost.Fail("request", "%s", products.ErrorName())
	}
	id, found := products.JSON(fmt.Sprintf("/items/%d/id", stresshost.Below(20)))
	if !found {
		return stresshost.Fail("extract", "the list holds no such product")
	}
	product := shopper.detail.Fire(id)
	name, _ := product.JSON("/name")
	shopper.named.Mark(name != "")
	price, _ := product.JSON("/price_cents")
	cents, _ := strconv.ParseFloat(price, 64)
	shopper.prices.Add(cents)
	if _, cached := product.Header("x-cache"); !cached {
		finding := stresshost.Finding{
			Rule: "uncached", Severity: "low", Message: "products are not cached", Location: "GET /products/{id}",
		}
		if err := finding.Report(); err != nil {
			return err
		}
	}
	shopper.login.Fire()
	return nil
}

func init() {
	summary := "Lists products, opens one, and tries to log in"
	stresshost.Export("shopper", "0.1.0", summary, func() stresshost.Workload { return &Shopper{} })
}
