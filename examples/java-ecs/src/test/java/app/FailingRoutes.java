package app;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** A route that fails, for ServiceTest. Found by Spring, since it is in the service's package. */
@RestController
class FailingRoutes {
  @GetMapping("/fail/{id}")
  String fail(@PathVariable int id) {
    throw new IllegalStateException("no luck");
  }
}
