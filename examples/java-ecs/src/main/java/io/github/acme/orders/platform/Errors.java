package io.github.acme.orders.platform;

import java.util.List;
import org.springframework.beans.TypeMismatchException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.MethodArgumentNotValidException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.ServletWebRequest;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.databind.exc.MismatchedInputException;

/**
 * Answers what a controller throws, in one form. An ExceptionHandler of yours, in a
 * RestControllerAdvice with a higher precedence, goes before it.
 */
@RestControllerAdvice
class Errors extends ResponseEntityExceptionHandler {
  @ExceptionHandler
  ResponseEntity<Object> unexpected(Exception failure, WebRequest request) {
    return handleExceptionInternal(
        failure, null, new HttpHeaders(), HttpStatus.INTERNAL_SERVER_ERROR, request);
  }

  @Override
  protected ResponseEntity<Object> handleMethodArgumentNotValid(
      MethodArgumentNotValidException failure,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    var broken =
        failure.getBindingResult().getFieldErrors().stream()
            .map(e -> new Problem.Broken(pointer(e.getField()), e.getDefaultMessage()))
            .toList();
    return broken(failure, broken, request);
  }

  /** JSON, but of another type than was expected: that breaks a rule, too. */
  @Override
  protected ResponseEntity<Object> handleHttpMessageNotReadable(
      HttpMessageNotReadableException failure,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    var length = ((ServletWebRequest) request).getRequest().getContentLengthLong();
    if (failure.getCause() == null && length > 0) { // `null`, which Spring takes for no body
      return broken(failure, List.of(new Problem.Broken("#", "expected another type")), request);
    }
    return switch (failure.getCause()) {
      // White space alone.
      case MismatchedInputException e when e.getOriginalMessage().startsWith("No content") ->
          super.handleHttpMessageNotReadable(failure, headers, status, request);
      case MismatchedInputException e -> broken(failure, mismatch(e), request);
      case InputCoercionException e -> broken(failure, mismatch(e), request);
      case null, default -> super.handleHttpMessageNotReadable(failure, headers, status, request);
    };
  }

  @Override
  protected ResponseEntity<Object> handleTypeMismatch(
      TypeMismatchException failure,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    // In a path it names nothing that there could be.
    var isPath =
        failure instanceof MethodArgumentTypeMismatchException e
            && e.getParameter().hasParameterAnnotation(PathVariable.class);
    return handleExceptionInternal(
        failure, null, headers, isPath ? HttpStatus.NOT_FOUND : status, request);
  }

  @Override
  protected ResponseEntity<Object> createResponseEntity(
      Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
    return ResponseEntity.status(status)
        .headers(headers)
        .contentType(MediaType.APPLICATION_PROBLEM_JSON)
        .body(status.isError() ? body : null);
  }

  @Override
  protected ResponseEntity<Object> handleExceptionInternal(
      Exception failure,
      Object body,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    if (status.is5xxServerError()) {
      request.setAttribute(RequestValve.FAILURE, failure, RequestAttributes.SCOPE_REQUEST);
    }
    // Spring's own texts name the path; those of an owner's exception are meant to be read.
    var detail = failure instanceof ErrorResponseException e ? e.getBody().getDetail() : null;
    var answer = body instanceof Problem ? body : Problem.of(status.value(), detail, null);
    return super.handleExceptionInternal(failure, answer, headers, status, request);
  }

  private ResponseEntity<Object> broken(
      Exception failure, List<Problem.Broken> broken, WebRequest request) {
    var status = HttpStatus.UNPROCESSABLE_CONTENT;
    var problem = Problem.of(status.value(), null, broken);
    return handleExceptionInternal(failure, problem, new HttpHeaders(), status, request);
  }

  private static List<Problem.Broken> mismatch(JacksonException e) {
    var path = new StringBuilder("#");
    for (var step : e.getPath()) {
      var name = step.getPropertyName();
      path.append('/').append(name == null ? step.getIndex() : name);
    }
    return List.of(new Problem.Broken(path.toString(), "expected another type"));
  }

  /** `lines[2].name` as a JSON pointer. */
  private static String pointer(String field) {
    return "#/" + field.replace("].", "/").replace("]", "").replaceAll("[.\\[]", "/");
  }
}
