package com.example;

public final class Greetings {
    private Greetings() {}
}
