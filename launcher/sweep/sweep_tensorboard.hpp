// What TensorBoard's HParams dashboard shows of a sweep whose runs have log.tensorboard: the parameters and their
// trials, on the sweep's directory. The trainings write their numbers themselves.
//
//   <dir>/events.out.tfevents.0000000000.hparams.trireme           the experiment: parameters and metrics
//   <dir>/trial_<n>/events.out.tfevents.0000000000.hparams.trireme the trial's parameters
//   <dir>/trial_<n>/events.out.tfevents.9999999999.hparams.trireme how it ended; not there while it runs
//
// Each holds one event with the data of the plugin hparams (tensorboard/plugins/hparams/plugin_data.proto, api.proto):
//
//   HParamsPluginData 1 version (0), one of 2 experiment, 3 session_start_info, 4 session_end_info
//   Experiment        6 name, 3 time_created_secs, 4 hparam_infos, 5 metric_infos
//   HParamInfo        1 name, 4 type: 1 = string, 3 = float64; 5 domain_discrete {1 values} or 6 domain_interval {1,
//   2}; 7 differs MetricInfo        1 name {2 tag}, 3 display_name SessionStartInfo  1 hparams (a map: 1 key, 2 value),
//   4 group_name, 5 start_time_secs SessionEndInfo    1 status: 1 = success, 2 = failure; 2 end_time_secs values
//   google.protobuf.Value: 2 number, 3 string
#pragma once

#include <filesystem>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "launcher/sweep/sweep_state.hpp"

namespace trireme::launcher {

/// Writes the experiment and the parameters of its trials, whose directories must exist.
void write_hparams(base::FileSystem& files, const std::filesystem::path& directory, const SweepState& sweep,
                   double now);

/// Tells how trials ended according to these events of the sweep's log, or that they run again. Does nothing for trials
/// whose parameters were not written, and leaves a disk that does not take it alone: the log counts.
void note_hparams(base::FileSystem& files, const std::filesystem::path& directory,
                  const std::vector<base::Json>& events);

}  // namespace trireme::launcher
