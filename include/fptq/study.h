// How much a result depends on what was chosen for it: the questions that reviewers of the FPTQ paper asked,
// each answered by a set of trials.
//   thresholds   how sensitive are 15 and 150, the ranges from which on activations are equalized and scaled
//                per token? Each is swept while the other stays.
//   ablation     what does each part contribute? Parts are switched on one after the other.
//   calibration  how much does the result depend on the data? Sources, numbers of windows, seeds.
#pragma once

#include <string>
#include <vector>

#include "fptq/progress.h"
#include "fptq/trials.h"

namespace fptq {

struct StudyOptions {
  // What the study does not vary, and for thresholds what each stays at. The questions are about FPTQ.
  QuantizeOptions quantize = {.method = "fptq"};
  TrialOptions trials;  // speed is never measured
  // Of the calibration study. Windows of a file are drawn at random places, so that seeds tell them apart.
  std::vector<std::string> sources = {"random"};  // as CalibrationOptions::source
  std::vector<int> windows = {4, 8, 16, 32, 64};
  int seeds = 3;
};

// Where a trial stands in the picture.
struct StudyPoint {
  std::string series;  // curve it belongs to; for an ablation the part that came last
  double x = 0;        // place on the axis; for an ablation the row
};

struct StudyResult {
  std::string name, question;
  std::string x_label;          // empty: bars, one a point
  std::vector<double> x_marks;  // the values that the paper gives
  std::vector<StudyPoint>
      points;  // of trials.trials, in its order; of equal ones only the data's seed differs
  TrialsResult trials;
};

std::vector<std::string> study_names();

// Resumable, and throws, as run_trials(); Error(kUsage) for an unknown name.
StudyResult run_study(const std::string& name, const std::string& model, const StudyOptions& options,
                      Progress& progress = no_progress());

}  // namespace fptq
