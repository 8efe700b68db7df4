package io.github.acme.orders.platform;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.springframework.http.HttpStatus;

/** The form of all errors: RFC 9457, without what the caller sent. */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Problem(String type, String title, int status, String detail, List<Broken> errors) {
  static final String TYPE = "application/problem+json";

  /** A rule that the body breaks; `pointer` is a JSON pointer to the place. */
  record Broken(String pointer, String detail) {}

  static Problem of(int status) {
    return of(status, null, null);
  }

  static Problem of(int status, String detail, List<Broken> errors) {
    var known = HttpStatus.resolve(status);
    var title = known == null ? "Error" : known.getReasonPhrase();
    return new Problem("about:blank", title, status, detail, errors);
  }

  /** Without detail and errors: these are for Spring to write. */
  String toJson() {
    return "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%d}".formatted(type, title, status);
  }
}
