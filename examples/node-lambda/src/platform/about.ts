/** What this service is called and where it listens: answers of yours, which `copier update` keeps. */

export const NAME = "orders";
export const DEFAULT_PORT = 3000;
