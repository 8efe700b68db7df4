package app;

import java.io.IOException;
import java.util.Locale;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.springframework.http.HttpStatus;

/**
 * The answer where no controller gave one: a failure, a malformed request. Tomcat's own is HTML.
 */
public class ErrorValve extends ErrorReportValve {

  @Override
  protected void report(Request request, Response response, Throwable failure) {
    var isAnswered = response.getStatus() < 400 || response.getContentWritten() > 0;
    if (isAnswered || !response.setErrorReported()) {
      return;
    }
    if (response.getHeader("X-Request-ID") == null) {
      response.setHeader("X-Request-ID", RequestFilter.requestId(null));
    }
    var status = HttpStatus.resolve(response.getStatus());
    var text = status == null ? "error" : status.getReasonPhrase().toLowerCase(Locale.ROOT);
    response.setContentType("application/json");
    try {
      response.getReporter().write("{\"error\":\"" + text + "\"}");
      response.finishResponse();
    } catch (IOException e) {
      // The caller has gone.
    }
  }
}
