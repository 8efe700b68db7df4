export const hello = () => "orders\n";
