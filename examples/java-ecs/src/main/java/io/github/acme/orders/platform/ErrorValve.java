package io.github.acme.orders.platform;

import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;

/** The answer where Spring gave none, as to a malformed request: Tomcat's own is HTML. */
public final class ErrorValve extends ErrorReportValve {
  @Override
  protected void report(Request request, Response response, Throwable failure) {
    var isAnswered = response.getStatus() < 400 || response.getContentWritten() > 0;
    if (isAnswered || !response.setErrorReported()) {
      return;
    }
    response.setContentType(Problem.TYPE);
    try {
      response.getReporter().write(Problem.of(response.getStatus()).toJson());
      response.finishResponse();
    } catch (IOException e) {
      // The caller has gone.
    }
  }
}
