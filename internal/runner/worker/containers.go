package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// refuseContainers fails a job that asks for containers. An image that
// evaluates to nothing asks for none (RUN-10).
func (r *running) refuseContainers(rec *record) error {
	container, err := r.evaluate(r.Message.JobContainer)
	if err != nil {
		return err
	}
	if image := imageOf(container); image != "" {
		return problemf("The job asks for container '%s': containers are not supported by this runner yet.", image)
	}
	services, err := r.evaluate(r.Message.JobServiceContainers)
	if err != nil {
		return err
	}
	object, _ := services.(*expr.Object)
	for name, service := range object.All() {
		if imageOf(service) != "" {
			return problemf("The job asks for service container '%s': containers are not supported by this runner yet.", name)
		}
		rec.print("The service '" + name + "' will not be started because the container definition has an empty image.")
	}
	return nil
}

// imageOf is the image of a container, given alone or in a mapping.
func imageOf(container expr.Value) string {
	if object, ok := container.(*expr.Object); ok {
		container, _ = object.Get("image")
	}
	return strings.TrimPrefix(expr.String(container), "docker://")
}
