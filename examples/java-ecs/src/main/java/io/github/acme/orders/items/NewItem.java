package io.github.acme.orders.items;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;

/** What a caller sends to make an item. */
record NewItem(
    // Code points, except control characters and halves of a pair.
    @NotNull(message = NAME) @Pattern(regexp = "[^\\p{Cc}\\p{Cs}]{1,100}", message = NAME)
        String name,
    @NotNull(message = QUANTITY)
        @Min(value = 0, message = QUANTITY)
        @Max(value = 1_000_000, message = QUANTITY)
        Integer quantity) {
  private static final String NAME = "expected 1 to 100 characters, none a control character";
  private static final String QUANTITY = "expected a whole number from 0 to 1000000";
}
