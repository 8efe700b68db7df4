pub fn nothing() -> &'static str {
    ""
}
