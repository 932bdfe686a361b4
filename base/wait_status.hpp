// How a program ended, as a shell counts it.
#pragma once

namespace trireme::base {

/// The exit code behind what waitpid filled in for a program that has ended; 128 + N after signal N.
int code_of_wait_status(int status);

}  // namespace trireme::base
