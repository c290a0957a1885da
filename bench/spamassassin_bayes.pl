#!/usr/bin/perl
# SpamAssassin's Bayes as a program for bench/antispam_half.py:  spamassassin_bayes.pl FOLDER < lines
#
# Lines are `learn spam PATH`, `learn ham PATH` and `score PATH`. For each message that is scored it prints
# `bayes PROBABILITY` (or `bayes none`, where Bayes knows too little); whatever else the library prints is none of its
# answers. No rule runs but Bayes, and nothing asks the network. All it keeps is in FOLDER. Tokens are never expired: it
# is to know all that it has learned.
use strict;
use warnings;

use Mail::SpamAssassin;

my ($folder) = @ARGV or die "say in which folder the tokens are kept\n";
my $domains = '/usr/share/spamassassin/20_aux_tlds.cf'; # top-level domains: links are found by them
my $include = -e $domains ? "include $domains" : '';
my $filter = Mail::SpamAssassin->new({
    local_tests_only     => 1,
    dont_copy_prefs      => 1,
    userstate_dir        => $folder,
    home_dir_for_helpers => $folder,
    config_text          => <<"CONFIG",
$include
loadplugin Mail::SpamAssassin::Plugin::Check
loadplugin Mail::SpamAssassin::Plugin::Bayes
use_bayes 1
bayes_path $folder/bayes
bayes_auto_learn 0
bayes_auto_expire 0
bayes_learn_to_journal 0
body BAYES_ASKED eval:check_bayes('0.00', '1.00')
CONFIG
});
$filter->init(1);
$filter->init_learner({ caller_will_untie => 1, learn_to_journal => 0 });
$| = 1;

while (my $line = <STDIN>) {
    chomp $line;
    my ($verb, $rest) = split / /, $line, 2;
    if ($verb eq 'learn') {
        my ($class, $path) = split / /, $rest, 2;
        learn($class eq 'spam', $path);
    } else {
        printf "\nbayes %s\n", score($rest);
    }
}
$filter->finish_learner();
$filter->finish();

sub message_of {
    my ($path) = @_;
    open my $stream, '<:raw', $path or die "$path: $!\n";
    local $/;
    return $filter->parse(scalar <$stream>);
}

sub learn {
    my ($is_spam, $path) = @_;
    my $message = message_of($path);
    my $status = $filter->learn($message, undef, $is_spam ? 1 : 0, 0);
    $status->finish();
    $message->finish();
}

sub score {
    my ($path) = @_;
    my $message = message_of($path);
    my $status = $filter->check($message);
    my $probability = $status->{bayes_score};
    $status->finish();
    $message->finish();
    return defined $probability ? sprintf('%.17g', $probability) : 'none';
}
