package io.github.acme.orders;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Tells who answers here. */
@RestController
class IndexController {
  record Index(String service, String version) {}

  private final Index index;

  IndexController(
      @Value("${spring.application.name}") String name,
      @Value("${service.version}") String version) {
    index = new Index(name, version);
  }

  @GetMapping("/")
  Index index() {
    return index;
  }
}
