// The two streams: results go to stdout, everything else to stderr; and files that the user asked for.
#pragma once

#include <string>
#include <string_view>

namespace fptq::app {

// Writes to stdout as it is; flush_results() makes sure that it arrived.
void print(std::string_view text);
// Throws Error(kIo) when stdout could not take everything (a full disk).
void flush_results();

// One line to stderr, with what could steer a terminal escaped.
void log(std::string_view line);

// Lines as they are, to stderr.
void log_block(std::string_view lines);

// The whole file as it is. Throws Error(kIo) when it cannot be written.
void write_file(const std::string& path, std::string_view text);

// `text` on one line: control characters come out as \xNN.
std::string one_line(std::string_view text);

}  // namespace fptq::app
