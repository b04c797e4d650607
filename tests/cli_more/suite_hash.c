/* What the build writes for the command itself. */
extern const char frti_suite_hash[];
const char frti_suite_hash[] = "0000000000000000";
