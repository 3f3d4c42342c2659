package stresshost

import (
	"encoding/json"
	"fmt"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	host "app/stresshost/bindings/stresshost_workload_http"
)

// Request is a request to prepare. {{slot}} in URL, header values and body is replaced on each Fire, percent-encoded in
// the URL; {{&slot}} is replaced as it is.
type Request struct {
	// Name is what reports call the operation, such as "GET /products/{id}". Keep what varies out of it.
	Name string
	// Method is GET when empty.
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte
	// JSON is a body as JSON, with its content type.
	JSON any
	// Slots are the names of the slots, in the order Fire takes their values.
	Slots []string
	// Options by name: expect-status, timeout-ms, connect-timeout-ms, follow-redirects, decompress, keep-alive,
	// http-version.
	Options map[string]string
}

// Prepare has the host compile the request. The result is good for the virtual user's life.
func (request Request) Prepare() (Prepared, error) {
	headers, body := pairs(request.Headers), request.Body
	if request.JSON != nil {
		text, err := json.Marshal(request.JSON)
		if err != nil {
			return 0, Fail("setup", "request `%s`: %v", request.Name, err)
		}
		body = text
		headers = append(headers, witTypes.Tuple2[string, string]{F0: "content-type", F1: "application/json"})
	}
	optional := witTypes.None[[]uint8]()
	if body != nil {
		optional = witTypes.Some(body)
	}
	method := request.Method
	if method == "" {
		method = "GET"
	}
	prepared := host.Prepare(host.Request{
		Name: request.Name, Method: method, Url: request.URL, Headers: headers, Body: optional,
		Slots: request.Slots, Options: pairs(request.Options),
	})
	if prepared.IsErr() {
		return 0, Fail("setup", "request `%s`: %s", request.Name, prepared.Err())
	}
	return Prepared(prepared.Ok()), nil
}

func pairs(values map[string]string) []witTypes.Tuple2[string, string] {
	list := make([]witTypes.Tuple2[string, string], 0, len(values))
	for name, value := range values {
		list = append(list, witTypes.Tuple2[string, string]{F0: name, F1: value})
	}
	return list
}

// Prepared is a request the host has compiled.
type Prepared uint32

// Fire sends the request and waits for the whole response. A request that fails is a response with an error: the host
// has measured and counted it.
func (prepared Prepared) Fire(values ...string) Response {
	if len(values) == 0 {
		return Response(host.Fire(uint32(prepared)))
	}
	return Response(host.FireWith(uint32(prepared), values))
}

// Response is what came of a request. Headers and body are gone with the next Fire or at the iteration's end.
type Response uint64

func (response Response) id() uint32 { return uint32(response) }

// Status is the HTTP status; 0 when none was received.
func (response Response) Status() int { return int(response >> 32 & 0xffff) }

// OK says whether the whole response arrived with an expected status.
func (response Response) OK() bool { return response>>48 == 0 }

// ErrorName is the name of the error, such as "timeout"; empty when the request succeeded.
func (response Response) ErrorName() string {
	if response.OK() {
		return ""
	}
	return host.ErrorName(uint32(response >> 48))
}

// ErrorText is the transport's own words for a failure.
func (response Response) ErrorText() string { return host.ErrorText(response.id()) }

// DurationUs is the service time in microseconds.
func (response Response) DurationUs() uint64 { return host.DurationUs(response.id()) }

// Header is the first value of a header, by its name in any case, and whether there is one.
func (response Response) Header(name string) (string, bool) {
	value := host.Header(response.id(), name)
	return value.SomeOr(""), value.IsSome()
}

// JSON is the value at a JSON pointer (RFC 6901), and whether there is one: a string's characters, any other value as
// JSON text.
func (response Response) JSON(pointer string) (string, bool) {
	value := host.Json(response.id(), pointer)
	return value.SomeOr(""), value.IsSome()
}

// Body is the body; an error when the host did not keep it.
func (response Response) Body() ([]byte, error) {
	body := host.Body(response.id())
	if body.IsErr() {
		return nil, Fail("body", "%s", body.Err())
	}
	return body.Ok(), nil
}

// Parse reads the whole body as JSON.
func (response Response) Parse(into any) error {
	body, err := response.Body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return Fail("body", "the body is not the expected JSON: %v", err)
	}
	return nil
}

func refused[T any](what, name string, result witTypes.Result[T, string]) error {
	if result.IsErr() {
		return Fail("setup", "%s", fmt.Sprintf("%s `%s`: %s", what, name, result.Err()))
	}
	return nil
}
