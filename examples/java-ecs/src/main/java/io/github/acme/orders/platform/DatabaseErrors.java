package io.github.acme.orders.platform;

import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.dao.TransientDataAccessException;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.WebRequest;

/** The database gives no answer, or the pool no connection, in time: another try may do better. */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE - 1) // before Errors
class DatabaseErrors {
  @ExceptionHandler({
    CannotCreateTransactionException.class,
    DataAccessResourceFailureException.class,
    TransientDataAccessException.class
  })
  ResponseEntity<Problem> unavailable(Exception failure, WebRequest request) {
    request.setAttribute(RequestValve.FAILURE, failure, RequestAttributes.SCOPE_REQUEST);
    return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE)
        .header("Retry-After", "1")
        .contentType(MediaType.APPLICATION_PROBLEM_JSON)
        .body(Problem.of(HttpStatus.SERVICE_UNAVAILABLE.value()));
  }
}
